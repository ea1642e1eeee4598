import { test } from 'tap'
import { parseIdentifierOption } from '../../../lib/config/identifiers.ts'

test('an identifier, or an error that names option and value', t => {
  t.equal(parseIdentifierOption('x', 'https://h/a', false).path, '/a')
  t.throws(() => parseIdentifierOption('x.y', 'ftp://h', true), { name: 'OptionError', message: 'x.y must be an absolute https URL, got "ftp://h"' })
  t.equal(parseIdentifierOption('x', 'http://mcp-server:3000/mcp', true).host, 'mcp-server', 'plain http of any host only with allowInsecureHttp')
  t.throws(() => parseIdentifierOption('x', 'http://mcp-server', false), { message: /^x must be https; http is allowed for loopback hosts only, got/ })
  t.end()
})
