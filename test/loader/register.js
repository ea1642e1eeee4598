/**
 * Runs TypeScript as it is written: `node --import ./test/loader/register.js file.ts`.
 *
 * Types become spaces, so that every line and column of the code that runs is that of the source. Coverage, stack traces and
 * debuggers need no source maps then, which cost more in each test process than anything else did.
 */
import module from 'node:module'
import { hooks } from './hooks.js'

// Hooks of this kind, which need no thread of their own, are only usable from these versions on.
const [major, minor] = process.versions.node.split('.').map(Number)
const hasSyncHooks = module.registerHooks !== undefined && (major > 24 || (major === 24 && minor >= 13))

if (hasSyncHooks) module.registerHooks(hooks)
else module.register('./hooks.js', import.meta.url)
