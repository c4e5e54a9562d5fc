// Requests to change a flag as JSON: bodies of the API and the `change` of commands.
#pragma once

#include <string>
#include <string_view>

#include "control/engine/flag_store.h"
#include "control/flags/json_value.h"
#include "proxy/base/result.h"

namespace flagmesh::engine {

// {"on":50,"off":50}: whole weights by variant. Code "bad_weights".
Result<FlagRequest> rollout_request(const flags::JsonValue& weights);
// {"state":"ENABLED"} or {"state":"DISABLED"}. Code "bad_request".
Result<FlagRequest> state_request(const flags::JsonValue& body);
// {"variant":"off"}. Code "bad_request".
Result<FlagRequest> kill_request(const flags::JsonValue& body);
// A flag as a flag file has it, sugar included; warnings refuse it too. Code "bad_flag": the
// message has the first mistake, the mend its mend.
Result<FlagRequest> definition_request(const flags::JsonValue& body, std::string_view key,
                                       const std::string& tenant);

// Exactly one of {"rollout":{…}}, {"enabled":true}, {"kill":"off"}, {"reset":true}. Members named
// in `also` may stand beside it. Code "bad_request".
Result<FlagRequest> change_request(const flags::JsonValue& object,
                                   std::initializer_list<std::string_view> also = {});
// The inverse of change_request for requests without a definition.
flags::JsonValue change_json(const FlagRequest& request);

}  // namespace flagmesh::engine
