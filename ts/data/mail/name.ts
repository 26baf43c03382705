export const BUILTIN_MAIL = 'builtin:mail'
