/** What a child process of a test takes to run TypeScript as the test itself does. */
export const loader: readonly string[] = ['--import', new URL('../loader/register.js', import.meta.url).href]
