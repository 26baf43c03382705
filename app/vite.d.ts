// Files as addresses or text, and the variables of a build.
/// <reference types="vite/client" />
