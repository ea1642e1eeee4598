import { describe, expect, test } from 'tstyche'
import {
  InsufficientAuthenticationError, InsufficientScopeError, InvalidTokenError, MalformedRequestError, MissingTokenError, OAuthResourceError, OptionError, UnavailableError, errorTable, findOAuthResourceError, isOAuthResourceError, reasonTable
} from '../../plugins/index.ts'
import type { ErrorCode, ErrorRow, Reason, ReasonRow } from '../../plugins/index.ts'

describe('error classes', () => {
  test('all are one kind of error', () => {
    for (const error of [
      new MissingTokenError(), new InvalidTokenError('key_unknown', new Error('cause')), new MalformedRequestError('authorization_malformed'),
      new InsufficientScopeError(['read']), new InsufficientAuthenticationError({ acrValues: ['urn:gold'] }), new UnavailableError('keys_unavailable', 5), new OptionError('message')
    ]) {
      expect(error).type.toBeAssignableTo<OAuthResourceError>()
      expect(error).type.toBeAssignableTo<Error>()
    }
  })

  test('what a handler reads of them', () => {
    const error = new OAuthResourceError('FST_OAUTH_TOKEN_MISSING', { reason: 'token_missing' })
    expect(error.code).type.toBe<ErrorCode>()
    expect(error.statusCode).type.toBe<number>()
    expect(error.oauthError).type.toBe<string | null>()
    expect(error.reason).type.toBe<Reason>()
    expect(new InsufficientScopeError(['read']).requiredScopes).type.toBe<readonly string[]>()
    const { acrValues, maxAgeSeconds, requiredScopes } = new InsufficientAuthenticationError({ maxAgeSeconds: 300 })
    expect(acrValues).type.toBe<readonly string[]>()
    expect(maxAgeSeconds).type.toBe<number | null>()
    expect(requiredScopes).type.toBe<readonly string[]>()
    expect(new UnavailableError('keys_unavailable', 5).retryAfterSeconds).type.toBe<number>()
  })

  test('what they are made of', () => {
    expect(OAuthResourceError).type.not.toBeConstructableWith('FST_ERR_VALIDATION', { reason: 'token_missing' })
    expect(OAuthResourceError).type.not.toBeConstructableWith('FST_OAUTH_TOKEN_MISSING')
    expect(InvalidTokenError).type.not.toBeConstructableWith()
    expect(InsufficientAuthenticationError).type.not.toBeConstructableWith({ acrValues: 'urn:gold' })
    expect(InsufficientAuthenticationError).type.not.toBeConstructableWith()
    expect(UnavailableError).type.not.toBeConstructableWith('keys_unavailable')
    expect(UnavailableError).type.not.toBeConstructableWith('token_expired', 5)
    expect(InvalidTokenError).type.not.toBeConstructableWith('anything')
  })
})

describe('error functions', () => {
  test('isOAuthResourceError narrows', () => {
    const error: unknown = new Error('message')
    if (isOAuthResourceError(error)) expect(error).type.toBe<OAuthResourceError>()
    else expect(error).type.toBe<unknown>()
  })

  test('findOAuthResourceError takes anything', () => {
    expect(findOAuthResourceError('anything')).type.toBe<OAuthResourceError | null>()
  })

  test('the table has a row for every code and is read-only', () => {
    expect(errorTable).type.toBe<Readonly<Record<ErrorCode, ErrorRow>>>()
    expect(errorTable.FST_OAUTH_UNAVAILABLE.statusCode).type.toBe<number>()
    expect(reasonTable).type.toBe<Readonly<Record<Reason, ReasonRow>>>()
    expect(errorTable).type.not.toHaveProperty('FST_OAUTH_ANYTHING')
  })
})
