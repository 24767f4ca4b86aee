import type { Language } from '#shared/errors.ts'

/** The language for people: Chinese unless `Accept-Language` ranks English before it. @see RFC 9110 §12.5.4 */
export function preferredLanguage(acceptLanguage: string | null): Language {
  const ranked = (acceptLanguage ?? '')
    .split(',')
    .map((part) => {
      const [tag = '', ...parameters] = part.trim().toLowerCase().split(';')
      const quality = parameters.find((parameter) => parameter.trim().startsWith('q='))
      return { tag, quality: quality === undefined ? 1 : Number(quality.trim().slice(2)) }
    })
    .filter(({ tag, quality }) => /^(zh|en)(-|$)/.test(tag) && quality > 0)
    .sort((a, b) => b.quality - a.quality)
  return ranked[0]?.tag.startsWith('en') === true ? 'en' : 'zh'
}
