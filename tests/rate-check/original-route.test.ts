import { describe, expect, test } from '@jest/globals'
import { originalRoute } from '#functions/rate-check/original-route.ts'

function routeOf(headers: Readonly<Record<string, string>>, method = 'GET'): string {
  const found = originalRoute(new Request('http://guard/auth', { method, headers }))
  return 'route' in found ? found.route : 'ambiguous'
}

const path = (target: string) => routeOf({ 'x-original-uri': target })

describe('the original route', () => {
  test.each([
    ['/internal/secret', '/internal/secret'],
    ['/internal/secret?x=1#y', '/internal/secret'],
    ['//internal/secret', '/internal/secret'],
    ['/internal//secret', '/internal/secret'],
    ['/internal/secret/', '/internal/secret'],
    ['/internal/%73ecret', '/internal/secret'],
    ['/internal/secret;jsessionid=1', '/internal/secret'],
    ['/internal;a=b/secret', '/internal/secret'],
    ['http://upstream/internal/secret', '/internal/secret'],
    ['/%E6%96%87%E4%BB%B6', '/文件'],
    ['/', '/'],
    ['//', '/'],
  ])('of %s is %s', (target, expected) => {
    expect(path(target)).toBe(`GET ${expected}`)
  })

  test.each([
    '/internal%2Fsecret',
    '/internal%5csecret',
    '/internal\\secret',
    '/public/../internal/secret',
    '/public/%2e%2E/internal/secret',
    '/./internal/secret',
    '/public/..;/internal/secret',
    '/internal/secre%2574',
    '/internal/secret%00',
    '/internal/%ff',
    '/internal/secret%3bx',
    '/internal/secret%3F',
    '/internal/secret%23',
    '/internal/secret%20',
    '/internal/secret%C2%A0/x',
    '/public, /internal/secret',
    '/internal/secret, http://upstream/public',
    'internal/secret',
    '',
  ])('of %j is ambiguous', (target) => {
    expect(path(target)).toBe('ambiguous')
  })

  test('has the method that the gateway reports, HEAD as GET', () => {
    const methods = ['x-original-method', 'x-forwarded-method'].map((name) => routeOf({ [name]: 'delete' }))

    expect([...methods, routeOf({ 'x-forwarded-method': 'HEAD' }), routeOf({}, 'PUT')]).toEqual([
      'DELETE /',
      'DELETE /',
      'GET /',
      'PUT /',
    ])
  })

  test.each(['POST, GET', '', 'GET HTTP/1.1'])('is ambiguous with the method %j', (method) => {
    expect(routeOf({ 'x-original-method': method })).toBe('ambiguous')
  })

  test('of a path with a comma is that path', () => {
    expect(path('/a,b/c')).toBe('GET /a,b/c')
  })

  test('is ambiguous where a gateway and its client name different ones', () => {
    expect([
      routeOf({ 'x-forwarded-uri': '/internal/secret', 'x-original-uri': '/public' }),
      routeOf({ 'x-forwarded-method': 'DELETE', 'x-original-method': 'GET' }),
      routeOf({ 'x-forwarded-uri': '/a/', 'x-original-uri': '//a' }),
    ]).toEqual(['ambiguous', 'ambiguous', 'GET /a'])
  })
})
