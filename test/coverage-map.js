import { readFileSync } from 'node:fs'

/**
 * What coverage is taken of: the sources of the package, whatever else a test file runs.
 *
 * Tests that start processes cover nothing. tap follows them into their children, where the same files may be compiled by
 * tsx, or come from `dist`, whose source maps lead back here: places in that code are not the places in ours.
 */
const startsProcesses = /'node:child_process'|\/support\/child\.ts'/

export default file => startsProcesses.test(readFileSync(file, 'utf8')) ? null : ['lib/**/*.ts', 'plugins/**/*.ts']
