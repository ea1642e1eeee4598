/**
 * Runs scripts of package.json at the same time, two for two cores, and fails when one of them does:
 *
 *     node scripts/run-together.js lint check,types
 *
 * Those that are joined by a comma run one after the other. What a script prints is shown when it has ended.
 */
import { spawn } from 'node:child_process'

function run (script) {
  return new Promise(resolve => {
    const began = performance.now()
    // npm is a shell script on some systems and a batch file on others; the shell knows which.
    const child = spawn(`npm run --silent ${script}`, { shell: true, stdio: ['ignore', 'pipe', 'pipe'] })
    const output = []
    for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => output.push(chunk))
    child.on('close', code => {
      const seconds = ((performance.now() - began) / 1000).toFixed(1)
      process.stdout.write(`${Buffer.concat(output).toString()}${code === 0 ? 'passed' : 'FAILED'}: npm run ${script} (${seconds} s)\n`)
      if (code !== 0) process.exitCode = 1
      resolve()
    })
  })
}

await Promise.all(process.argv.slice(2).map(async list => {
  for (const script of list.split(',')) await run(script)
}))
