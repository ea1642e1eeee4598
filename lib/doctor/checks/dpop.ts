import { isScheme } from '../../challenge/format.ts'
import type { Check } from '../check.ts'
import { failsWith, notApplicable } from '../check.ts'
import { documentOf } from '../document.ts'

/** Tokens that are bound to a key, where the resource announces them. */
export const dpopChecks: readonly Check[] = [
  {
    id: 'dpop-challenge',
    group: 'DPoP',
    title: 'Document and challenge say the same about DPoP',
    level: 'recommended',
    rfc: 'RFC 9449 section 7.1, RFC 9728 section 2',
    why: 'A client decides by either of them whether it gets a token that is bound to a key.',
    fix: 'Send a DPoP challenge whose algs are dpop_signing_alg_values_supported.',
    async run (subject) {
      const { dpop_signing_alg_values_supported: announced, dpop_bound_access_tokens_required: required } = await documentOf(subject)
      await subject.tokenChallenge()
      const dpop = (await subject.challenges()).find(one => isScheme(one, 'DPoP'))
      if (announced === undefined && required !== true && dpop === undefined) return notApplicable('the server takes no part in DPoP')
      const listed = Array.isArray(announced) ? [...announced as unknown[]].sort().join(' ') : ''
      const algorithms = dpop?.parameters.get('algs')?.split(' ').sort().join(' ')
      const fault = dpop === undefined
        ? 'the document announces DPoP, and the 401 has no DPoP challenge'
        : algorithms === undefined
          ? 'the DPoP challenge has no algs'
          : algorithms !== listed ? `algs is "${algorithms}", and the document has "${listed}"` : null
      return failsWith(fault, 'they do', await subject.refusal())
    }
  },
  {
    id: 'dpop-required',
    group: 'DPoP',
    title: 'Where bound tokens are required, the 401 has a DPoP challenge and no Bearer challenge',
    level: 'required',
    rfc: 'RFC 9449 section 7.2, RFC 9728 section 2',
    why: 'A client that follows a Bearer challenge gets a token that is then refused.',
    fix: 'Send a DPoP challenge and no Bearer challenge, or remove dpop_bound_access_tokens_required from the document.',
    async run (subject) {
      const { dpop_bound_access_tokens_required: required } = await documentOf(subject)
      if (required !== true) return notApplicable('bound tokens are not required')
      const challenges = await subject.challenges()
      const has = (scheme: string): boolean => challenges.some(one => isScheme(one, scheme))
      const fault = !has('DPoP') ? 'it has no DPoP challenge' : has('Bearer') ? 'it has a Bearer challenge' : null
      return failsWith(fault, 'it has', await subject.refusal())
    }
  }
]
