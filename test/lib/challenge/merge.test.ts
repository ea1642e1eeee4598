import fc from 'fast-check'
import { test } from 'tap'
import { bearerChallenge } from '../../../lib/challenge/schemes.ts'
import { formatChallenge } from '../../../lib/challenge/format.ts'
import { fieldLines, mergeChallenges } from '../../../lib/challenge/merge.ts'
import { parseChallenges } from '../../../lib/challenge/parse.ts'
import { challengeArbitrary, nearlyHeaderArbitrary } from '../../support/arbitrary-challenge.ts'

const resourceMetadata = 'https://h/.well-known/oauth-protected-resource'
const pointer = `resource_metadata="${resourceMetadata}"`
const foreign = 'resource_metadata="https://other/.well-known/oauth-protected-resource"'
const plain = bearerChallenge({ resourceMetadata })
const scoped = bearerChallenge({ resourceMetadata, realm: 'ours', scopes: ['a', 'b'] })
const refused = bearerChallenge({ resourceMetadata, scopes: ['a'], error: 'invalid_token', errorDescription: 'The token is bad' })

const cases = [
  ['nothing there', undefined, scoped, [`Bearer ${pointer}, realm="ours", scope="a b"`], false],
  ['null', null, plain, [`Bearer ${pointer}`], false],
  ['an empty value', '', plain, [`Bearer ${pointer}`], false],
  ['another scheme', 'Basic realm="x"', plain, [`Bearer ${pointer}`, 'Basic realm="x"'], false],
  ['other schemes on one line', 'Basic realm="x", Negotiate YII=', plain, [`Bearer ${pointer}`, 'Basic realm="x"', 'Negotiate YII='], false],
  ['other schemes on several lines', ['Basic realm="x"', 'Digest nonce=1'], plain, [`Bearer ${pointer}`, 'Basic realm="x"', 'Digest nonce=1'], false],
  ['another scheme keeps its words', 'BASIC  Realm=x ,charset="UTF-8"', plain, [`Bearer ${pointer}`, 'BASIC  Realm=x ,charset="UTF-8"'], false],
  ['a bare Bearer', 'Bearer', plain, [`Bearer ${pointer}`], false],
  ['a Bearer with a token68', 'bearer abc=', plain, [`Bearer ${pointer}`], false],
  ['a Bearer that lacks everything of ours', 'Bearer realm="theirs"', scoped, [`Bearer ${pointer}, realm="theirs", scope="a b"`], false],
  ['a Bearer with a parameter we do not know', 'Bearer max_age=5', plain, [`Bearer ${pointer}, max_age="5"`], false],
  ['a Bearer with our pointer', `Bearer scope="z", ${pointer}`, scoped, [`Bearer ${pointer}, scope="z", realm="ours"`], false],
  ['two Bearer challenges: the first has its way', ['Bearer realm="1"', 'Bearer realm="2", x="3"'], plain, [`Bearer ${pointer}, realm="1", x="3"`], false],
  ['a Bearer between others comes first', 'Basic realm="x", Bearer x="1", Digest nonce=1', plain,
    [`Bearer ${pointer}, x="1"`, 'Basic realm="x"', 'Digest nonce=1'], false],
  ['another resource\'s Bearer is replaced whole', `Bearer ${foreign}, realm="theirs", scope="z", error="invalid_token"`, scoped,
    [`Bearer ${pointer}, realm="ours", scope="a b"`], false],
  ['another resource\'s and one of ours', [`Bearer ${foreign}, realm="theirs"`, 'Bearer x="1"'], plain, [`Bearer ${pointer}, x="1"`], false],
  ['the same error: our description explains it', 'Bearer error="invalid_token"', refused,
    [`Bearer ${pointer}, error="invalid_token", scope="a", error_description="The token is bad"`], false],
  ['another error: our description does not explain it', 'Bearer error="insufficient_scope"', refused,
    [`Bearer ${pointer}, error="insufficient_scope", scope="a"`], false],
  ['their error and none of ours', 'Bearer error="invalid_token", error_description="x"', plain,
    [`Bearer ${pointer}, error="invalid_token", error_description="x"`], false],
  ['their description', 'Bearer error="invalid_token", error_description="theirs"', refused,
    [`Bearer ${pointer}, error="invalid_token", error_description="theirs", scope="a"`], false],
  ['what is not of the grammar is dropped', 'Bearer realm="x', plain, [`Bearer ${pointer}`], true],
  ['a parameter twice is not of the grammar', `Bearer ${pointer}, ${pointer}`, plain, [`Bearer ${pointer}`], true],
  ['a line that is bad does not hurt the next', ['==', 'Basic realm="x"'], plain, [`Bearer ${pointer}`, 'Basic realm="x"'], true],
  ['a number', 5, plain, [`Bearer ${pointer}`, '5'], false]
] as const

for (const [title, existing, ours, values, droppedUnreadable] of cases) {
  test(`merge: ${title}`, t => {
    const merged = mergeChallenges(existing, ours)
    t.strictSame(merged, { values, droppedUnreadable })
    t.strictSame(mergeChallenges(merged.values, ours).values, values, 'merging again changes nothing')
    t.end()
  })
}

test('the description explains our error wherever it stands among the parameters', t => {
  const ours = { scheme: 'Bearer', token68: null, parameters: new Map([['error_description', 'why'], ['error', 'e']]) }
  t.strictSame(mergeChallenges('Bearer x="1"', ours).values, ['Bearer x="1", error_description="why", error="e"'])
  t.end()
})

test('field lines', t => {
  t.strictSame(fieldLines(undefined), [])
  t.strictSame(fieldLines(null), [])
  t.strictSame(fieldLines('a'), ['a'])
  t.strictSame(fieldLines(['a', 1]), ['a', '1'])
  t.end()
})

test('whatever there was, one Bearer challenge results, first, with the pointer, and clients can read it all', t => {
  const existing = fc.oneof(
    nearlyHeaderArbitrary,
    fc.array(fc.oneof(challengeArbitrary, challengeArbitrary.map(one => ({ ...one, scheme: 'bEARER' }))).map(formatChallenge)),
    fc.array(nearlyHeaderArbitrary)
  )
  fc.assert(fc.property(existing, fc.constantFrom(plain, scoped, refused), (value, ours) => {
    const { values } = mergeChallenges(value, ours)
    const [first, ...others] = values.flatMap(line => parseChallenges(line))
    return first?.scheme === 'Bearer' && first.parameters.get('resource_metadata') === resourceMetadata &&
      others.every(other => other.scheme.toLowerCase() !== 'bearer') &&
      values.length === others.length + 1 && values[0]!.startsWith('Bearer resource_metadata="')
  }), { numRuns: 500 })
  t.end()
})
