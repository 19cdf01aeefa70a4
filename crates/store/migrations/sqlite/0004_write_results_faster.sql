-- SQLite neither compresses nor moves what it stores: only the version is raised, which both share.
SELECT 1;
