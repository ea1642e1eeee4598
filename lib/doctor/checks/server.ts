import { isLoopbackHost } from '../../identifier.ts'
import { FetchError } from '../../errors/fetch-error.ts'
import type { Check } from '../check.ts'
import { fails, failsWith, holds, notApplicable } from '../check.ts'
import { describeFailure } from '../exchange.ts'
import { Unchecked } from '../subject.ts'

/** Codes of OpenSSL and Node.js for a certificate that is not accepted. */
const certificateCodes = /CERT_|_CERT|UNABLE_TO_(?:GET|VERIFY)|ALTNAME/
const renewalMs = 14 * 86_400_000

function isCertificateError (error: unknown): boolean {
  return error instanceof FetchError && certificateCodes.test(error.message)
}

/** Whether the server can be reached, and by TLS. */
export const serverChecks: readonly Check[] = [
  {
    id: 'reachable',
    group: 'Server',
    title: 'The server answers',
    level: 'required',
    rfc: 'RFC 9110',
    why: 'No other check can be made.',
    fix: 'Check host, port and path of the URL, and that the server runs. --timeout gives it more time.',
    async run (subject) {
      try {
        return holds('it answers', await subject.unauthenticated())
      } catch (error) {
        if (!(error instanceof FetchError)) throw error
        if (isCertificateError(error)) throw new Unchecked('its certificate was not accepted')
        return fails(describeFailure(error), [])
      }
    }
  },
  {
    id: 'tls',
    group: 'Server',
    title: 'The URL is https',
    level: 'required',
    rfc: 'RFC 6750 section 5.2',
    why: 'Everyone on the way can read and use the access tokens.',
    fix: 'Serve the API over https; http is for loopback hosts only.',
    async run (subject) {
      const { options: { isInProcess, url } } = subject
      if (isInProcess) return notApplicable('requests are made in the process of the server')
      const { protocol, hostname } = new URL(url)
      if (protocol === 'http:' && isLoopbackHost(hostname)) return notApplicable('the server is on this machine')
      return failsWith(protocol === 'https:' ? null : `the URL is ${protocol}//${hostname}`, 'it is')
    }
  },
  {
    id: 'certificate',
    group: 'Server',
    title: 'The certificate is accepted, and does not expire within 14 days',
    level: 'required',
    rfc: 'RFC 9728 section 7.3',
    why: 'Clients refuse the connection.',
    fix: 'Install a certificate for this host, with its chain, of an authority that clients trust. For an authority of your own: --insecure-ca <file>.',
    async run (subject) {
      if (!subject.options.url.startsWith('https:') || subject.options.isInProcess) return notApplicable('there is no TLS')
      try {
        const { response: { certificateExpiresAt } } = await subject.unauthenticated()
        if (certificateExpiresAt === null) throw new Unchecked('the connection does not show the certificate')
        const end = new Date(certificateExpiresAt).toISOString().slice(0, 10)
        return failsWith(certificateExpiresAt < Date.now() + renewalMs ? `it expires on ${end}` : null, `it is accepted, and expires on ${end}`)
      } catch (error) {
        if (!isCertificateError(error)) throw error
        return fails(describeFailure(error), [])
      }
    }
  }
]
