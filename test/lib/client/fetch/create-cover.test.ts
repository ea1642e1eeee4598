import { test } from 'tap'
import { createCover } from '../../../../lib/client/fetch/resource-match.ts'
import { OptionError } from '../../../../lib/errors/errors.ts'

test('a token is for a URL by origin and whole path segments [MCPC-16]', t => {
  const covers = createCover(['https://api.example.com/v1/', 'https://other.example'])
  for (const url of ['https://api.example.com/v1', 'https://api.example.com/v1/x?y', 'https://other.example/z']) t.ok(covers(new URL(url)), url)
  for (const url of ['https://api.example.com/v10', 'https://api.example.com/', 'https://api.example.com:444/v1', 'http://other.example']) t.notOk(covers(new URL(url)), url)
  t.throws(() => createCover(['x']), OptionError)
  t.end()
})
