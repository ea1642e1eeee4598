import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Runs a module of this folder with garbage collection on request, and reads the JSON that it prints. */
export function measureInChild (module, ...args) {
  const path = fileURLToPath(new URL(module, import.meta.url))
  return JSON.parse(execFileSync(process.execPath, ['--expose-gc', path, ...args], { encoding: 'utf8', maxBuffer: 1 << 26, stdio: ['ignore', 'pipe', 'inherit'] }))
}

/** Bytes in use after a collection. */
export async function bytesInUse () {
  for (let i = 0; i < 3; i++) {
    globalThis.gc()
    await new Promise(resolve => setImmediate(resolve))
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
