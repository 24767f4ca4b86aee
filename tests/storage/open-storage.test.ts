import { describe, expect, test } from '@jest/globals'
import { secret } from '#shared/secret.ts'
import { openStorage } from '#shared/storage/open-storage.ts'
import { readStorageUrl } from '#shared/storage/storage-address.ts'

const credentials = () => ({ accessKeyId: 'AKID', secretKey: secret('secret') })
const presigned = (url: string) =>
  new URL(openStorage({ at: readStorageUrl(url), credentials }).presignGet('a/b', { expiresInS: 60 }))
const formUrl = (url: string) =>
  openStorage({ at: readStorageUrl(url), credentials }).uploadForm({
    key: 'a',
    minBytes: 0,
    maxBytes: 1,
    contentType: 'image/png',
    expiresInS: 60,
  }).url

describe('clients are sent', () => {
  test.each([
    ['cos://album-125?region=ap-guangzhou', 'https://album-125.cos.ap-guangzhou.myqcloud.com/'],
    ['oss://album?region=cn-hangzhou', 'https://album.oss-cn-hangzhou.aliyuncs.com/'],
    ['s3://album?region=us-east-1', 'https://album.s3.us-east-1.amazonaws.com/'],
    ['oss://album?region=cn-hangzhou&public=https://files.example.com', 'https://files.example.com/'],
    ['s3://album?region=eu-1&public=http://127.0.0.1:9000&style=path', 'http://127.0.0.1:9000/album/'],
    ['cos://album?region=a&internal=http://inside.example', 'https://album.cos.a.myqcloud.com/'],
    ['disk:///data/album?public=http://127.0.0.1:9001', 'http://127.0.0.1:9001/files/'],
  ])('for %s to %s', (url, expected) => {
    expect(presigned(url).href.split('?')[0]).toBe(`${expected}a/b`)
    expect(formUrl(url)).toBe(expected)
  })
})

describe('functions themselves go', () => {
  test.each([
    [
      'oss://album?region=cn-hangzhou&public=https://files.example.com',
      'https://album.oss-cn-hangzhou-internal.aliyuncs.com',
    ],
    ['oss://album?region=cn-hangzhou&internal=https://album.inside.example', 'https://album.inside.example'],
    ['s3://album?region=eu-1&public=http://127.0.0.1:9000&style=path', 'http://127.0.0.1:9000'],
  ])('for %s to %s', (url, expected) => {
    expect(readStorageUrl(url).origins.internal).toBe(expected)
  })
})

describe('a URL that cannot be a bucket is refused', () => {
  test.each([
    ['ftp://album?region=a', 'must begin with'],
    ['bucket', 'must begin with'],
    ['s3://?region=a', 'must name a bucket'],
    ['s3://a_b?region=a', 'must name a bucket'],
    ['s3://album', 'must set a region'],
    ['s3://album?region=a/b', 'must set a region'],
    ['s3://album?region=a&style=virtual', 'must set style'],
    ['s3://album?region=a&public=files.example.com', 'must set public'],
    ['s3://album?region=a&public=https://a.example/path', 'must set public'],
    ['s3://album?region=a&internal=ftp://a.example', 'must set internal'],
    ['s3://album?region=a&key=b', 'must not set "key"'],
    ['disk:///data/album', 'must set public'],
    ['disk:///data/album?public=http://127.0.0.1:9001&region=a', 'must not set "region"'],
    ['disk://album/data?public=http://127.0.0.1:9001', 'must name a folder'],
    ['disk:///?public=http://127.0.0.1:9001', 'must name a folder'],
    ['disk:///%zz?public=http://127.0.0.1:9001', 'must name a folder'],
  ])('%s: it %s', (url, problem) => {
    expect(() => readStorageUrl(url)).toThrow(problem)
  })
})
