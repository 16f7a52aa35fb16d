// softmax, sigmoid, argmax and other functions of one vector.
#include "math/elements.hpp"

#include "linalg/arrays.hpp"
#include "pg/guard.hpp"

using namespace vecdot;

namespace {

double temperature_argument(FunctionCallInfo fcinfo) {
    const double temperature = PG_NARGS() > 1 ? PG_GETARG_FLOAT8(1) : 1;
    if (!std::isfinite(temperature) || temperature <= 0) {
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                 errmsg("temperature must be finite and greater than 0, not %g", temperature)));
    }
    return temperature;
}

}  // namespace

VECDOT_FUNCTION(vector_softmax) {
    const pg::VectorRef x = pg::vector_argument(fcinfo, 0);
    pg::Vector* result = pg::new_vector(x.dim);
    math::softmax(x.data, temperature_argument(fcinfo), result->view());
    PG_RETURN_VECTOR(result);
}

VECDOT_FUNCTION(vector_log_softmax) {
    const pg::VectorRef x = pg::vector_argument(fcinfo, 0);
    pg::Vector* result = pg::new_vector(x.dim);
    math::log_softmax(x.data, temperature_argument(fcinfo), result->view());
    PG_RETURN_VECTOR(result);
}

VECDOT_FUNCTION(vector_sigmoid) {
    const pg::VectorRef x = pg::vector_argument(fcinfo, 0);
    pg::Vector* result = pg::new_vector(x.dim);
    math::sigmoid(x.data, result->view());
    PG_RETURN_VECTOR(result);
}

VECDOT_FUNCTION(vector_relu) {
    const pg::VectorRef x = pg::vector_argument(fcinfo, 0);
    pg::Vector* result = pg::new_vector(x.dim);
    math::relu(x.data, result->view());
    PG_RETURN_VECTOR(result);
}

VECDOT_FUNCTION(vector_argmax) {
    const pg::VectorRef x = pg::vector_argument(fcinfo, 0);
    PG_RETURN_INT32(static_cast<int32>(math::arg_max(x.data, x.size())) + 1);
}

VECDOT_FUNCTION(vector_argmin) {
    const pg::VectorRef x = pg::vector_argument(fcinfo, 0);
    PG_RETURN_INT32(static_cast<int32>(math::arg_min(x.data, x.size())) + 1);
}

VECDOT_FUNCTION(vector_element_max) {
    const pg::VectorRef x = pg::vector_argument(fcinfo, 0);
    PG_RETURN_FLOAT4(x[static_cast<int>(math::arg_max(x.data, x.size()))]);
}

VECDOT_FUNCTION(vector_element_min) {
    const pg::VectorRef x = pg::vector_argument(fcinfo, 0);
    PG_RETURN_FLOAT4(x[static_cast<int>(math::arg_min(x.data, x.size()))]);
}

VECDOT_FUNCTION(vector_element_sum) {
    const pg::VectorRef x = pg::vector_argument(fcinfo, 0);
    PG_RETURN_FLOAT8(math::element_sum(x.data, x.size()));
}
