// An engine's claim to an epoch, so that of two engines with one key only one signs it. A claim is a
// C2SP signed note by the engine's key, so that whoever owns Redis can take one away, but not make
// one up that would keep the engine from publishing for ever.
//
//   note = "flagmesh-reservation/v1" LF origin LF size LF base64( root ) LF   ; and signatures
//
// It is no checkpoint: the second line is no number. With policy unsigned there is no note, and no
// claim is believed.
#pragma once

#include <string>
#include <string_view>

#include "control/engine/head_signer.h"
#include "control/snapshot/carrier.h"
#include "control/snapshot/head_verifier.h"
#include "merkle/epoch_log.h"
#include "proxy/base/result.h"

namespace flagmesh::engine {

// The claim to the log's last epoch. Codes of merkle::sign_text.
Result<snapshot::Reservation> make_reservation(const merkle::EpochLog& log,
                                               std::string_view origin, const HeadSigner& signer);

// Whether what Carrier::read_reservation gave was signed by an engine of these rules.
bool is_genuine_reservation(std::string_view value, const snapshot::TrustRules& rules);

}  // namespace flagmesh::engine
