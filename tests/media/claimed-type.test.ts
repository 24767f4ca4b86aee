import { describe, expect, test } from '@jest/globals'
import { Fault } from '#shared/errors.ts'
import { claimedType } from '#shared/media/claimed-type.ts'
import { canonicalExtension, MEDIA_TYPE_NAMES, typeOfExtension } from '#shared/media/media-types.ts'
import { DOCX } from './samples.ts'

function claimed(name: string, contentType: string) {
  return claimedType({ name, contentType, allowed: MEDIA_TYPE_NAMES })
}

function detailsOf(name: string, contentType: string, allowed = MEDIA_TYPE_NAMES): unknown {
  try {
    return claimedType({ name, contentType, allowed })
  } catch (error) {
    return error instanceof Fault && error.error === 'unsupported_media_type' ? error.details[0] : error
  }
}

describe('claimedType', () => {
  test.each([
    ['a.jpg', 'image/jpeg', 'image/jpeg'],
    ['A.JPG', 'IMAGE/JPEG', 'image/jpeg'],
    ['a.jpeg', 'image/jpg', 'image/jpeg'],
    ['a.jpe', 'image/pjpeg', 'image/jpeg'],
    ['照片.png', ' image/png ; charset=utf-8; x="; text/html"', 'image/png'],
    ['a.mp3', 'audio/mp3', 'audio/mpeg'],
    ['a.m4a', 'audio/x-m4a', 'audio/mp4'],
    ['a.m4a', 'audio/mpeg', 'audio/mp4'],
    ['a.wav', 'audio/wave', 'audio/wav'],
    ['a.docx', DOCX, DOCX],
    ['a.jpg', 'application/octet-stream', 'image/jpeg'],
    ['a.silk', '', 'audio/silk'],
    ['wxfile', 'image/png', 'image/png'],
    ['', 'audio/mpeg', 'audio/mpeg'],
    ['a.html.jpg', 'image/jpeg', 'image/jpeg'],
  ])('name %j and type %j claim %s', (name, contentType, type) => {
    expect(claimed(name, contentType)).toBe(type)
  })

  test.each([
    ['a.png', 'image/jpeg', 'contentType', 'contradicts_name'],
    ['a.jpg', 'text/html', 'contentType', 'contradicts_name'],
    ['a.mp3', 'audio/x-m4a', 'contentType', 'contradicts_name'],
    ['a.svg', 'image/svg+xml', 'name', 'unknown_extension'],
    ['a.html', 'image/jpeg', 'name', 'unknown_extension'],
    ['a.jpg.html', 'image/jpeg', 'name', 'unknown_extension'],
    ['a.html.', 'image/jpeg', 'name', 'unknown_extension'],
    ['a.jpg/x.js', 'image/jpeg', 'name', 'unknown_extension'],
    ['a.php\0.jpg\u202e', 'image/png', 'contentType', 'contradicts_name'],
    ['a.constructor', 'image/png', 'name', 'unknown_extension'],
    ['a.docm', 'application/vnd.ms-word.document.macroEnabled.12', 'name', 'unknown_extension'],
    ['photo', 'application/octet-stream', 'name', 'missing_extension'],
    ['photo', '', 'name', 'missing_extension'],
    ['photo', 'image/svg+xml', 'contentType', 'unknown_type'],
    ['photo', 'text/html', 'contentType', 'unknown_type'],
    ['photo', 'image/jpeg, text/html', 'contentType', 'unknown_type'],
    ['photo', '__proto__', 'contentType', 'unknown_type'],
  ])('name %j with type %j is refused', (name, contentType, path, reason) => {
    expect(detailsOf(name, contentType)).toEqual({ path, reason, message: expect.any(String) })
  })

  test('a type that is known and not allowed here is refused', () => {
    const details = detailsOf('a.mp4', 'video/mp4', ['image/jpeg'])

    expect(details).toEqual({
      path: 'name',
      reason: 'not_allowed',
      message: 'video/mp4 is not accepted here',
    })
  })

  test('whoever sends HEIC is told how to send JPEG', () => {
    expect(detailsOf('IMG_0001.HEIC', 'image/heic')).toMatchObject({
      message: expect.stringContaining('sizeType'),
    })
  })
})

describe('canonicalExtension', () => {
  test('leads back to its type, for every type', () => {
    const types = MEDIA_TYPE_NAMES.map((type) => typeOfExtension(canonicalExtension(type)))

    expect(types).toEqual(MEDIA_TYPE_NAMES)
  })
})
