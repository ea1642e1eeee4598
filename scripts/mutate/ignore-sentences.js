import { PluginKind, declareValuePlugin } from '@stryker-mutator/api/plugin'

/**
 * Text for people (messages, descriptions) is not mutated: a test of each sentence would only repeat it. Text that programs read
 * (claims, codes, header names) has no blank in it and is mutated. SQL and regular expressions are code as well.
 */
const sql = /^\s*(?:select|insert|update|delete|with)\s/i

const isSentence = text => text.trim().includes(' ') && !sql.test(text)

function shouldIgnore (path) {
  if (path.isStringLiteral() && isSentence(path.node.value)) return 'text for people'
  if (path.isTemplateLiteral() && isSentence(path.node.quasis.map(part => part.value.raw).join('x'))) return 'text for people'
}

export const strykerPlugins = [declareValuePlugin(PluginKind.Ignore, 'sentences', { shouldIgnore })]
