"""Reference data as files. Sources and licences: NOTICE.md."""
