/** The outputs, by what is put out there. */
export const OUTPUTS = { create: 0, update: 1, disconnect: 2 } as const;
