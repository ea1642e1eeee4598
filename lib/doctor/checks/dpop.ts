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
    level: 'required',
    rfc: 'RFC 9449 section 7.1, RFC 9728 section 2',
    why: 'A client decides by either of them whether it gets a token that is bound to a key.',
    fix: 'Send a DPoP challenge whose algs are dpop_signing_alg_values_supported; where bound tokens are required, send no Bearer challenge.',
    async run (subject) {
      const { dpop_signing_alg_values_supported: announced, dpop_bound_access_tokens_required: required } = await documentOf(subject)
      await subject.tokenChallenge()
      const challenges = await subject.challenges()
      const dpop = challenges.find(one => isScheme(one, 'DPoP'))
      if (announced === undefined && required !== true && dpop === undefined) return notApplicable('the server takes no part in DPoP')
      const listed = Array.isArray(announced) ? [...announced as unknown[]].sort().join(' ') : ''
      const algorithms = dpop?.parameters.get('algs')?.split(' ').sort().join(' ')
      const fault = dpop === undefined
        ? 'the document announces DPoP, and the 401 has no DPoP challenge'
        : algorithms === undefined
          ? 'the DPoP challenge has no algs'
          : algorithms !== listed
            ? `algs is "${algorithms}", and the document has "${listed}"`
            : required === true && challenges.some(one => isScheme(one, 'Bearer'))
              ? 'bound tokens are required, and the 401 has a Bearer challenge'
              : null
      return failsWith(fault, 'they do', await subject.refusal())
    }
  }
]
