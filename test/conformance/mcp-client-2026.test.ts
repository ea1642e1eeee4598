import { testClientScenarios } from '../support/conformance-client.ts'

testClientScenarios({ version: '0.2.0-alpha.12', leastScenarios: 33 })
