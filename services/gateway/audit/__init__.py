"""The audit log: who changed what, from where, with which outcome; append-only, in hash chains."""
