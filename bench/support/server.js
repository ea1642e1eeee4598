/** One server in a process of its own: `node server.js <name> <what it is given, as JSON>`. */
import { report, serve } from './server-process.js'
import { servers } from './servers.js'

const [name, given] = process.argv.slice(2)
report({ port: await serve(await servers[name](JSON.parse(given))) })
