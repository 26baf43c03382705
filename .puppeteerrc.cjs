// The browser under test comes from npm (@sparticuz/chromium) or the machine: nothing is downloaded by an install hook.
module.exports = { skipDownload: true }
