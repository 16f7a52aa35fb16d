-- What the documentation has to name: the functions, operators, types, access methods and settings of
-- the extension that a user can write.
LOAD 'vecdot';
SELECT 'function', p.proname
  FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid JOIN pg_proc p ON p.oid = d.objid
 WHERE d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_proc'::regclass
   AND d.deptype = 'e' AND e.extname = 'vecdot'
UNION
SELECT 'operator', o.oprname
  FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid JOIN pg_operator o ON o.oid = d.objid
 WHERE d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_operator'::regclass
   AND d.deptype = 'e' AND e.extname = 'vecdot'
UNION
SELECT 'type', t.typname
  FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid JOIN pg_type t ON t.oid = d.objid
 WHERE d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_type'::regclass
   AND d.deptype = 'e' AND e.extname = 'vecdot'
   -- PostgreSQL 18 counts the array types too.
   AND NOT EXISTS (SELECT FROM pg_type of WHERE of.typarray = t.oid)
UNION
SELECT 'opclass', c.opcname
  FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid JOIN pg_opclass c ON c.oid = d.objid
 WHERE d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_opclass'::regclass
   AND d.deptype = 'e' AND e.extname = 'vecdot'
UNION
SELECT 'setting', name FROM pg_settings WHERE name LIKE 'vecdot.%'
ORDER BY 1, 2;
