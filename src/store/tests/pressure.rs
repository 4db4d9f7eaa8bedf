//! Full disks, others' locks, readers beside the writer, and the write-ahead log.
