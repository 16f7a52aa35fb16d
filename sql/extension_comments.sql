-- Every object of the extension has a comment.
SELECT pg_describe_object(d.classid, d.objid, d.objsubid) AS without_comment
  FROM pg_depend d
  JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
 WHERE d.deptype = 'e' AND e.extname = 'vecdot'
   AND obj_description(d.objid, d.classid::regclass::name) IS NULL
   -- PostgreSQL's own array types are members from 17 on.
   AND NOT EXISTS (SELECT FROM pg_type WHERE d.classid = 'pg_type'::regclass AND typarray = d.objid)
 ORDER BY 1;
-- So that an empty answer means something.
SELECT count(*) > 50 AS many_objects
  FROM pg_depend d
  JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
 WHERE d.deptype = 'e' AND e.extname = 'vecdot';
