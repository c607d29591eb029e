/** Whether a client's id of a request may go into headers, logs and labels. */
export const isRequestId = (text: string): boolean => /^[\w.:/+=-]{1,128}$/.test(text)
