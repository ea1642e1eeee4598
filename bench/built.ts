import type * as Package from '../plugins/index.ts'

/**
 * What `npm run build` made. Sources that are compiled on the way in are not what users run: tsx wraps every function to
 * keep its name, which costs on each call that makes one.
 */
export async function built<Module = typeof Package> (path = 'plugins/index.js'): Promise<Module> {
  return await import(new URL(`../dist/${path}`, import.meta.url).href) as Module
}
