import { test } from 'tap'
import { createRequestsUnderWay, createTargetRegistry } from '../../../lib/forward/targets.ts'

const credential = { headers: { 'x-key': 'ours' } }
const given = { name: 'a', identity: 'b', upstream: 'https://up.example/mcp', credential }
const settings = { allowInsecureUpstreams: false, withSecrets: true, path: () => '/forward', origin: () => 'https://proxy.example' }

test('a registered target has a random id, a secret where callers send one, and a URL once the server listens', t => {
  const { targets, find } = createTargetRegistry({ ...settings })
  const { id, secret, path, url } = targets.register(given)
  t.match(id, /^[\w-]{22}$/)
  t.match(secret, /^[\w-]{43}$/)
  t.same([path, url], [`/forward/${id}`, `https://proxy.example/forward/${id}`])
  t.strictSame({ ...find(id), underWay: null }, { address: { origin: 'https://up.example', path: '/mcp' }, credential, mayUse: null, secret, underWay: null })
  t.equal(find('other'), null)

  const open = createTargetRegistry({ ...settings, withSecrets: false, origin: () => null }).targets.register(given)
  t.same([open.secret, open.url], [null, null])
  t.throws(() => targets.register({ ...given, name: 'c"d', upstream: 'http://up.example' }), { message: /^forward target "c\\"d"\.upstream would send the credential/ })
  t.end()
})

test('requests under way are aborted together, and those that have ended are not', t => {
  const underWay = createRequestsUnderWay()
  const [ended, ...pending] = Array.from({ length: 3 }, () => new AbortController())
  const end = underWay.add(ended!)
  for (const request of pending) underWay.add(request)
  end()
  const reason = new Error('closed')
  underWay.abortAll(reason)
  t.notOk(ended!.signal.aborted)
  for (const { signal } of pending) t.equal(signal.reason, reason)
  t.end()
})

test('the same upstream and identity keep id, secret and pending requests; another one aborts them', t => {
  const { targets, find } = createTargetRegistry(settings)
  const first = targets.register(given)
  const pending = new AbortController()
  find(first.id)!.underWay.add(pending)
  const mayUse = (): boolean => true
  t.strictSame(targets.register({ ...given, upstream: 'https://UP.example:443/x/../mcp', mayUse }), first)
  t.equal(find(first.id)!.mayUse, mayUse, 'the last one counts')
  t.notOk(pending.signal.aborted)
  for (const other of [{ ...given, identity: 'c' }, { ...given, identity: 'c', upstream: 'https://up.example/other' }, { ...given, identity: 'c', upstream: 'https://other.example/other' }]) {
    const before = targets.register({ ...given, name: 'x' })
    const registered = targets.register({ ...other, name: 'x' })
    t.notSame([registered.id, registered.secret], [before.id, before.secret])
    t.equal(find(before.id), null)
    t.equal(targets.size, 2)
  }
  t.notOk(pending.signal.aborted, 'a target of another name')
  targets.register({ ...given, identity: 'other' })
  t.match(pending.signal.reason, { code: 'FST_OAUTH_FORWARD_TARGET_UNKNOWN' })
  t.end()
})

test('a closed registry has no targets and takes none', t => {
  const { targets, find, close } = createTargetRegistry(settings)
  const { id } = targets.register(given)
  t.same([targets.remove('b'), targets.size], [false, 1])
  close()
  t.same([find(id), targets.size, targets.remove('a')], [null, 0, false])
  t.throws(() => targets.register(given), { code: 'FST_OAUTH_FORWARD_CLOSED' })
  t.end()
})
