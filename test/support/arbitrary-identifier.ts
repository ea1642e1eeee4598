import fc from 'fast-check'

const segment = fc.string({ unit: fc.constantFrom(...'abcXYZ019-_~!$&()*+,;=:@', '%20', '%C3%A4'), minLength: 1, maxLength: 6 })
  .filter(text => !/^(?:\.|%2e)+$/i.test(text))

/** A resource identifier as clients send it, in its parts. */
export const identifierArbitrary = fc.record({
  origin: fc.tuple(
    fc.constantFrom('https://api.example.com', 'https://API.Example.com', 'https://192.0.2.1', 'https://[2001:db8::1]', 'http://localhost'),
    fc.constantFrom('', ':8443')
  ).map(parts => parts.join('')),
  path: fc.tuple(fc.array(segment, { maxLength: 4 }), fc.boolean())
    .map(([segments, slash]) => segments.map(one => `/${one}`).join('') + (slash ? '/' : '')),
  query: fc.oneof(fc.constant(''), segment.map(text => `?${text}`))
})
