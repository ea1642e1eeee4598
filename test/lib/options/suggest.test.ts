import { test } from 'tap'
import { didYouMean, suggest } from '../../../lib/options/suggest.ts'

const known = ['scopes', 'scopeImplies', 'scopesSupported', 'realm', 'timeoutMs', 'clientId', 'audit', 'fetch']

test('the option that was likely meant', t => {
  for (const [word, meant] of [
    ['scope', 'scopes'], ['scpoes', 'scopes'], ['Scopes', 'scopes'], ['scopesupported', 'scopesSupported'], ['scopes_supported', 'scopesSupported'],
    ['client_id', 'clientId'], ['clientID', 'clientId'], ['timeout', 'timeoutMs'], ['timeoutSeconds', null], ['relam', 'realm'], ['fech', 'fetch'],
    ['xyz', null], ['', null], ['__', null], ['a', null]
  ] as const) t.equal(suggest(word, known), meant, word)
  t.equal(suggest('tok', ['tokenA', 'tokenB']), null, 'two that begin alike are no answer')
  t.equal(didYouMean('scope', known), ' Did you mean "scopes"?')
  t.equal(didYouMean('zzz', known), '')
  t.end()
})
