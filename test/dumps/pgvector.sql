-- What pg_dump writes of a database with pgvector: written by hand, for checks where there is no pgvector to dump.
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;
COMMENT ON EXTENSION vector IS 'vector data type and ivfflat and hnsw access methods';

CREATE DOMAIN public.embedding AS public.vector(4)
	CONSTRAINT embedding_check CHECK ((public.vector_norm(VALUE) > (0)::double precision));

SET default_tablespace = '';
SET default_table_access_method = heap;

CREATE TABLE public.items (
    id integer NOT NULL,
    v public.vector(4) DEFAULT '[0,0,0,1]'::public.vector,
    h public.halfvec(4),
    b bit(4),
    s public.sparsevec(4),
    e public.embedding,
    unit public.vector GENERATED ALWAYS AS (public.l2_normalize(v)) STORED,
    CONSTRAINT items_v_check CHECK ((public.vector_dims(v) = 4))
);

CREATE VIEW public.nearest AS
 SELECT items.id,
    (items.v OPERATOR(public.<->) '[1,2,3,4]'::public.vector) AS distance
   FROM public.items
  ORDER BY (items.v OPERATOR(public.<->) '[1,2,3,4]'::public.vector)
 LIMIT 3;

COPY public.items (id, v, h, b, s, e) FROM stdin;
1	[1,2,3,4]	[1,2,3,4]	1111	{1:1,4:2}/4	[1,0,0,0]
2	[-1,2.5,3,0.25]	[-1,2.5,3,0.25]	0111	{2:1}/4	[1,0,0,2]
3	[0,0,0,1]	[0,0,0,1]	0001	{}/4	\N
4	[5,-2,1e-05,4]	[5,-2,1.0013580322265625e-05,4]	1011	{1:5}/4	[0,1,0,0]
5	\N	\N	\N	\N	\N
6	[1,2,3,4.5]	[1,2,3,4.5]	1111	{1:1,4:2.5}/4	[1,1,1,1]
\.

ALTER TABLE ONLY public.items
    ADD CONSTRAINT items_pkey PRIMARY KEY (id);

CREATE INDEX items_b ON public.items USING hnsw (b public.bit_hamming_ops);
CREATE INDEX items_b_ivfflat ON public.items USING ivfflat (b public.bit_hamming_ops) WITH (lists='1');
CREATE INDEX items_h_cosine ON public.items USING hnsw (h public.halfvec_cosine_ops);
CREATE INDEX items_h_ip ON public.items USING hnsw (h public.halfvec_ip_ops);
CREATE INDEX items_h_l2 ON public.items USING hnsw (h public.halfvec_l2_ops);
CREATE INDEX items_h_ivfflat ON public.items USING ivfflat (h public.halfvec_cosine_ops) WITH (lists='2');
CREATE INDEX items_half ON public.items USING hnsw (((v)::public.halfvec(4)) public.halfvec_l2_ops) WITH (m='16');
CREATE INDEX items_quantized ON public.items USING hnsw (((public.binary_quantize(v))::bit(4)) public.bit_hamming_ops);
CREATE INDEX items_some ON public.items USING hnsw (v public.vector_l2_ops) WHERE (id < 4);
CREATE INDEX items_v_btree ON public.items USING btree (v);
CREATE INDEX items_v_cosine ON public.items USING hnsw (v public.vector_cosine_ops) WITH (m='16', ef_construction='64');
CREATE INDEX items_v_ip ON public.items USING hnsw (v public.vector_ip_ops) WITH (ef_construction='100');
CREATE INDEX items_v_ivfflat ON public.items USING ivfflat (v) WITH (lists='100');
CREATE INDEX items_v_ivfflat_cosine ON public.items USING ivfflat (v public.vector_cosine_ops) WITH (lists='3');
CREATE INDEX items_v_ivfflat_ip ON public.items USING ivfflat (v public.vector_ip_ops);
CREATE INDEX items_v_l2 ON public.items USING hnsw (v public.vector_l2_ops) WITH (m='8', ef_construction='32');
