#include "engine/write/pending_write.h"

namespace syncline {

PendingWritePtr pending_write_of(const Intent& intent) {
  auto write = std::make_shared<PendingWrite>();
  write->operation = intent.operation;
  write->payload = encode_intent(intent);
  write->payload_hash = hash_payload(write->payload);
  write->key = intent.key;
  write->content_hash = intent.content_hash;
  write->table = intent.table;
  write->id_column = intent.id_column;
  return write;
}

}  // namespace syncline
