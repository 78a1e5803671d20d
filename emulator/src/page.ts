export const PAGE = "<!doctype html><title>Salesforce emulator</title>";
