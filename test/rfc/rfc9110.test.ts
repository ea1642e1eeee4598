import { test } from 'tap'
import { parseChallenges } from '../../plugins/entry-points/client.ts'
import { bearerOf, createHintServer, pointer } from '../support/hint.ts'
import { addRefusals } from '../support/refusals.ts'

test('every 401 has a challenge (R9110-01)', async t => {
  const app = await createHintServer(t)
  for (const url of addRefusals(app)) t.equal(bearerOf(await app.inject(url)).resource_metadata, pointer, url)
})

// Sections 11.2 and 11.6.1, as a reader.
for (const [title, value, expected] of [
  ['R9110-04 names without case', 'Bearer Resource_Metadata="x"', [['Bearer', { resource_metadata: 'x' }]]],
  ['R9110-06 tokens', 'Bearer max_age=5', [['Bearer', { max_age: '5' }]]],
  ['R9110-06 space around the equals sign', 'Bearer max_age = "5"', [['Bearer', { max_age: '5' }]]],
  ['R9110-07 escapes', 'Basic realm="a \\"b\\" \\\\"', [['Basic', { realm: 'a "b" \\' }]]],
  ['R9110-09 parameters stay with their scheme', 'Basic realm="x", Bearer scope="a b", DPoP algs="ES256"',
    [['Basic', { realm: 'x' }], ['Bearer', { scope: 'a b' }], ['DPoP', { algs: 'ES256' }]]]
] as const) {
  test(title, t => {
    t.strictSame(parseChallenges(value).map(one => [one.scheme, Object.fromEntries(one.parameters)]), expected)
    t.end()
  })
}

for (const [title, value] of [
  ['R9110-03 a parameter twice', 'Bearer a=1, A=2'], ['R9110-07 a line break', 'Bearer a="x\r\ny"'], ['R9110-07 an open quote', 'Bearer a="x']
] as const) {
  test(`${title} is refused`, t => {
    t.throws(() => parseChallenges(value), { name: 'ChallengeSyntaxError' })
    t.end()
  })
}

test('the realm is quoted, whatever it holds, and what no header holds stops the boot (R9110-05, R9110-07)', async t => {
  const app = await createHintServer(t, { realm: 'the "inner" \\ one' })
  app.get('/', (_request, reply) => reply.code(401).send())
  const response = await app.inject('/')
  t.match(response.headers['www-authenticate'], 'realm="the \\"inner\\" \\\\ one"')
  t.equal(bearerOf(response).realm, 'the "inner" \\ one')
  for (const realm of ['a\r\nb', 'a\0', '€']) await t.rejects(createHintServer(t, { realm }), { name: 'OptionError', message: /^realm must be text/ })
})

test('a field line for each challenge, Bearer first (R9110-08, R9110-10)', async t => {
  const app = await createHintServer(t)
  app.get('/', (_request, reply) => reply.code(401).header('www-authenticate', 'DPoP algs="ES256", Basic realm="x"').send())
  t.strictSame((await app.inject('/')).headers['www-authenticate'], [`Bearer resource_metadata="${pointer}"`, 'DPoP algs="ES256"', 'Basic realm="x"'])
})
