/** This package's version, as its requests name it. */
export const VERSION = "0.1.0";

/** The service's major version that this package speaks to. */
export const MAJOR = "0";
