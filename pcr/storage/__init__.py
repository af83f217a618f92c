"""Where bytes lie: local files, object stores and HTTP servers, all read by ranges."""
