// What a validator says over HTTP, where it has an address (docs/validator.md): how it is, and the
// add-checkpoint call of C2SP tlog-witness.
//
//   GET  /healthz          200
//   GET  /readyz           200 when it is connected; the body has epoch, key and the newest refusal
//   GET  /metrics          Prometheus
//   GET  /checkpoint       the newest checkpoint that it cosigned, with its cosignature
//   POST /add-checkpoint   C2SP tlog-witness, for witness_logs; for its own log it answers with the
//                          cosignature of what it has judged itself, and with 503 for anything newer
#pragma once

#include <string>
#include <string_view>

#include "control/validator/validator.h"
#include "control/validator/witness.h"
#include "proxy/stream/local_handler.h"

namespace flagmesh::validator {

// On the validator's loop; the validator outlives it.
class ValidatorApi final : public stream::LocalHandler {
 public:
  ValidatorApi(Validator& validator, Witness witness, merkle::SigningKey key)
      : validator_(validator), witness_(std::move(witness)), key_(std::move(key)) {}

  void handle(const stream::LocalRequest& request, stream::LocalReply reply) override;
  // Apart from HTTP; tests call it.
  stream::LocalResponse answer(http::Method method, std::string_view path, std::string_view body);
  size_t max_body() const override { return 128 * 1024; }

 private:
  stream::LocalResponse ready() const;
  stream::LocalResponse metrics() const;
  stream::LocalResponse checkpoint() const;
  stream::LocalResponse add_checkpoint(std::string_view body);
  stream::LocalResponse own_checkpoint(const AddCheckpoint& request) const;

  Validator& validator_;
  Witness witness_;
  merkle::SigningKey key_;
};

}  // namespace flagmesh::validator
