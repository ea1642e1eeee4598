import { createFileTokenStore } from '../../lib/stores/tokens/file-token-store.ts'

/** Counts in a file of tokens, each time on from what is there: half of it in turns, half of it by compare and set. */
const [path, times] = process.argv.slice(2)
const store = createFileTokenStore({ path: path! })

async function count (): Promise<boolean> {
  const found = await store.read()
  const tokens = {
    accessToken: String(Number(found?.tokens?.accessToken ?? 0) + 1), tokenType: 'Bearer' as const, refreshToken: null, expiresAt: null, scopes: null
  }
  return await store.write(tokens, found?.generation ?? null) !== null
}

for (let i = 0; i < Number(times); i++) {
  if (i % 2 === 0) {
    await store.exclusively(async () => { while (!await count()); })
  } else {
    while (!await count());
  }
}
