-- The access method.

CREATE FUNCTION vecdot_handler(internal) RETURNS index_am_handler
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION vecdot_handler(internal) IS 'handler of the access method vecdot';

CREATE ACCESS METHOD vecdot TYPE INDEX HANDLER vecdot_handler;
COMMENT ON ACCESS METHOD vecdot IS 'nearest neighbours at a promised recall';
