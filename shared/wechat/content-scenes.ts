/** Where content is shown, as content safety wants to know it. */
export const SCENES = { profile: 1, comment: 2, forum: 3, social: 4 } as const
