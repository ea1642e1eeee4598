import { testClientScenarios } from '../support/conformance-client.ts'

// auth/2025-03-26-oauth-metadata-backcompat of this version serves, at the root, the metadata of an issuer with a path, and
// so of another one than was asked for: it must not be used (RFC 8414 section 3.3, MCPC-08). Later versions have put that
// right, and it is passed there.
testClientScenarios({ version: '0.1.16', leastScenarios: 22, faults: ['auth/2025-03-26-oauth-metadata-backcompat'] })
