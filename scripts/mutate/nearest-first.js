import { createHash } from 'node:crypto'
import { basename, relative } from 'node:path'
import { commonTokens, declareFactoryPlugin, PluginKind, tokens } from '@stryker-mutator/api/plugin'
import { INSTRUMENTER_CONSTANTS } from '@stryker-mutator/api/core'
import { TapTestRunner } from '@stryker-mutator/tap-runner'

/**
 * Stryker's runner for tap, which starts one process for each test file, with the test of the mutated file itself first: a mutant
 * is done at its first failing test, and that is the most likely one.
 */
class NearestFirstRunner extends TapTestRunner {
  mutantRun (options) {
    const { activeMutant, testFilter } = options
    // Reported as an error, which counts neither as killed nor as survived.
    if (!isInSample(activeMutant)) return Promise.resolve({ status: 'error', errorMessage: 'not in the sample' })
    if (testFilter === undefined) return super.mutantRun(options)
    const [, folder, file] = /([^/]+)\/([^/]+)\.ts$/.exec(activeMutant.fileName)
    const distance = path => basename(path) === `${file}.test.ts` ? 0 : path.includes(`/${file}`) ? 1 : path.includes(`/${folder}/`) ? 2 : 3
    return super.mutantRun({ ...options, testFilter: testFilter.toSorted((a, b) => distance(a) - distance(b)) })
  }
}

/** `MUTATE_SAMPLE=0.25:7` runs a quarter of the mutants, drawn with the seed 7: the same ones each time. */
const [share = 1, seed = 0] = (process.env.MUTATE_SAMPLE ?? '').split(':').filter(Boolean).map(Number)

function isInSample ({ fileName, location: { start, end }, replacement }) {
  if (share === 1) return true
  const name = [seed, relative(process.cwd(), fileName), start.line, start.column, end.line, end.column, replacement].join(' ')
  return createHash('sha256').update(name).digest().readUInt32BE() < share * 2 ** 32
}

function createNearestFirstRunner (injector) {
  return injector.provideValue('globalNamespace', INSTRUMENTER_CONSTANTS.NAMESPACE).injectClass(NearestFirstRunner)
}
createNearestFirstRunner.inject = tokens(commonTokens.injector)

export const strykerPlugins = [declareFactoryPlugin(PluginKind.TestRunner, 'tap', createNearestFirstRunner)]
