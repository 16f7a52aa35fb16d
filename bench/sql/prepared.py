"""Prepared statements with binary parameters and results, straight through libpq.

What a compiled client does: PQprepare once, PQexecPrepared for every query, so that neither the text
of a vector nor a driver's conversions are measured.
"""

import ctypes
import ctypes.util
import time

import numpy

_pq = ctypes.CDLL(ctypes.util.find_library("pq") or "libpq.so.5")
_pq.PQconnectdb.restype = ctypes.c_void_p
_pq.PQerrorMessage.restype = ctypes.c_char_p
_pq.PQexec.restype = ctypes.c_void_p
_pq.PQprepare.restype = ctypes.c_void_p
_pq.PQexecPrepared.restype = ctypes.c_void_p
_pq.PQgetvalue.restype = ctypes.c_void_p
for _name in ["PQstatus", "PQbackendPID", "PQerrorMessage", "PQfinish", "PQresultStatus", "PQclear",
              "PQntuples"]:
    getattr(_pq, _name).argtypes = [ctypes.c_void_p]
_pq.PQexec.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
_pq.PQprepare.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p]
_pq.PQexecPrepared.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p,
                               ctypes.c_void_p, ctypes.c_int]
_pq.PQgetvalue.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]

_COMMAND_OK, _TUPLES_OK = 1, 2


class Connection:
    """One connection. Statements have one parameter, a vector, and give one int4 column."""

    def __init__(self, dsn):
        self.handle = _pq.PQconnectdb(dsn.encode())
        if _pq.PQstatus(self.handle) != 0:
            raise RuntimeError(_pq.PQerrorMessage(self.handle).decode())

    def close(self):
        _pq.PQfinish(self.handle)
        self.handle = None

    def cpu(self):
        """Seconds of processor time of the server's process (Linux); 0 where nothing says."""
        try:
            with open(f"/proc/{_pq.PQbackendPID(self.handle)}/schedstat") as file:
                return int(file.read().split()[0]) / 1e9
        except OSError:
            return 0.0

    def check(self, result):
        if _pq.PQresultStatus(result) not in (_COMMAND_OK, _TUPLES_OK):
            raise RuntimeError(_pq.PQerrorMessage(self.handle).decode())
        return result

    def run(self, sql):
        _pq.PQclear(self.check(_pq.PQexec(self.handle, sql.encode())))

    def prepare(self, name, sql):
        _pq.PQclear(self.check(_pq.PQprepare(self.handle, name.encode(), sql.encode(), 0, None)))

    def execute(self, name, parameters):
        """Runs it once for each of the parameters, one after the other. Returns the seconds of all
        of them together, and for each the numbers of its rows."""
        name = name.encode()
        formats = (ctypes.c_int * 1)(1)
        results = []
        start = time.perf_counter()
        for parameter in parameters:
            results.append(_pq.PQexecPrepared(self.handle, name, 1, parameter.values, parameter.lengths, formats, 1))
        seconds = time.perf_counter() - start
        return seconds, [self.numbers(result) for result in results]

    def numbers(self, result):
        self.check(result)
        found = [int.from_bytes(ctypes.string_at(_pq.PQgetvalue(result, row, 0), 4), "big")
                 for row in range(_pq.PQntuples(result))]
        _pq.PQclear(result)
        return found


class Parameter:
    """A vector as vector_recv reads it, or with ">f2" halfvec_recv."""

    def __init__(self, vector, elements=">f4"):
        self.bytes = len(vector).to_bytes(2, "big") + bytes(2) + vector.astype(elements).tobytes()
        self.values = (ctypes.c_char_p * 1)(self.bytes)
        self.lengths = (ctypes.c_int * 1)(len(self.bytes))


def parameters(vectors, elements=">f4"):
    return [Parameter(numpy.asarray(vector), elements) for vector in vectors]
