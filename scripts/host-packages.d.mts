export function hostText(name: string, root: string): Promise<Uint8Array>
