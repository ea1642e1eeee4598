/**
 * What coverage is taken of: the sources of the package, whatever else a test file runs. Tests of what is built from
 * them (`dist` has source maps that lead back here) say nothing about the sources, so they cover nothing.
 */
const aboutTheBuild = /^test\/(?:package|types)\/|^test\/readme\.test\.ts$/

export default file => aboutTheBuild.test(file) ? null : ['lib/**/*.ts', 'plugins/**/*.ts']
