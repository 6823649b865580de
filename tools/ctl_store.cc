// The store, looked at without a daemon: what of it can still be read.
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "policy/entry_codec.h"
#include "queue/store_check.h"
#include "tools/ctl_commands.h"
#include "tools/ctl_text.h"
#include "tools/default_paths.h"

namespace sluice::ctl {
namespace {

Json ToJson(const std::string& directory, const queue::StoreCheck& check) {
  Json tables = Json::array();
  for (const queue::TableCheck& table : check.tables) {
    tables.push_back({{"name", table.name},
                      {"rows", table.rows},
                      {"damaged", table.damaged},
                      {"unreadable", table.unreadable},
                      {"error", table.error}});
  }
  Json damaged = Json::array();
  for (const queue::DamagedMessage& message : check.damaged) {
    damaged.push_back({{"message_id", message.id.ToString()}, {"what", message.what}});
  }
  Json generation;  // null: there is none
  if (check.policy_generation.has_value()) generation = *check.policy_generation;
  return {{"data_dir", directory},
          {"whole", check.whole()},
          {"tables", std::move(tables)},
          {"messages", check.messages},
          {"whole_messages", check.whole_messages},
          {"damaged_messages", check.damaged_messages},
          {"damaged", std::move(damaged)},
          {"leftovers", check.leftovers},
          {"policy_entries", check.policy_entries},
          {"policy_generation", std::move(generation)},
          {"log_error", check.log_error}};
}

void PrintTables(const queue::StoreCheck& check) {
  Table table({"TABLE", "ROWS", "DAMAGED", "UNREADABLE", "WHY"});
  for (const queue::TableCheck& counts : check.tables) {
    table.Add({counts.name, absl::StrCat(counts.rows), absl::StrCat(counts.damaged),
               absl::StrCat(counts.unreadable), Printable(counts.error)});
  }
  Print(table.ToString());
}

void PrintDamagedMessages(const queue::StoreCheck& check) {
  if (check.damaged_messages == 0) return;
  Print(absl::StrCat(
      "\nDamaged: ", CountText(static_cast<int64_t>(check.damaged_messages), "message", "messages"),
      check.damaged.size() < check.damaged_messages
          ? absl::StrCat(", of which these are the first ", check.damaged.size())
          : "",
      "\n"));
  for (const queue::DamagedMessage& message : check.damaged) {
    Print(absl::StrCat("  ", message.id.ToString(), "  ", Printable(message.what), "\n"));
  }
}

bool IsDamaged(const queue::StoreCheck& check, absl::string_view name) {
  for (const queue::TableCheck& table : check.tables) {
    if (table.name == name) return table.damaged > 0 || table.unreadable > 0;
  }
  return false;
}

void PrintAdvice(const std::string& directory, const queue::StoreCheck& check) {
  const std::string shown = Printable(directory);
  Print(absl::StrCat(
      "\nWhat to do:\n"
      "  - Leave the gateway stopped, and make a copy first: cp -a ",
      shown, " ", shown, ".copy\n",
      "  - Find out whether the disk is failing (dmesg, smartctl), and move away from it if so.\n",
      "  - Restore the directory from a backup, or try 'ldb --db=", shown, ".copy repair' on the\n",
      "    copy, check the copy, and put it in the directory's place.\n"));
  if (check.damaged_messages > 0) {
    Print(
        "  - A gateway that starts all the same delivers what is whole; the damaged messages can\n"
        "    then be deleted: sluicectl queue delete ID\n");
  }
  if (IsDamaged(check, "policy")) {
    Print(
        "  - The enforced-TLS list is damaged, and a gateway does not start without all of it: "
        "have\n"
        "    an export of it at hand (sluicectl domains import FILE --replace).\n");
  }
  if (!check.log_error.empty()) {
    Print(
        "  - The log breaks off before its end. After a loss of power that is as it should be: "
        "only\n"
        "    what was never answered with 250 is missing. Otherwise mail may be missing.\n");
  }
}

void PrintCheck(const std::string& directory, const queue::StoreCheck& check) {
  Print(absl::StrCat("The store in ", Printable(directory),
                     check.whole() ? " is whole" : " is DAMAGED", ": ",
                     CountText(static_cast<int64_t>(check.messages), "message", "messages"), ", ",
                     check.whole_messages, " of them whole; ",
                     CountText(static_cast<int64_t>(check.policy_entries), "entry", "entries"),
                     " of the enforced-TLS list.\n\n"));
  PrintTables(check);
  if (!check.log_error.empty()) {
    Print(absl::StrCat("\nThe log breaks off: ", Printable(check.log_error), "\n"));
  }
  PrintDamagedMessages(check);
  if (!check.whole()) PrintAdvice(directory, check);
}

}  // namespace

absl::StatusOr<int> CheckStore(const Context& context, const Invocation& invocation) {
  const std::string directory =
      invocation.Has("data_dir") ? invocation.Get("data_dir") : kDefaultDataDir;
  queue::StoreCheckOptions options;
  options.directory = directory;
  options.check_policy_row = [](absl::string_view key, absl::string_view value) {
    return policy::DecodeEntry(key, value).status();
  };
  const absl::StatusOr<queue::StoreCheck> check = queue::CheckStore(options);
  switch (check.status().code()) {
    case absl::StatusCode::kOk:
      break;
    case absl::StatusCode::kDataLoss:
      return check.status();
    case absl::StatusCode::kNotFound:
      return absl::InvalidArgumentError(check.status().message());
    default:  // that it is damaged is not said
      return absl::UnavailableError(check.status().message());
  }
  if (context.json) {
    PrintJson(ToJson(directory, *check));
  } else {
    PrintCheck(directory, *check);
  }
  return check->whole() ? kDone : kNothing;
}

}  // namespace sluice::ctl
