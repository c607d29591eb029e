/** The text of a package's file as it is bundled. @throws Error where the text to replace is not there once */
export function carried(path: string, text: string): string
