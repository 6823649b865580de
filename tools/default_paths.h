// Where the daemon and its client find each other, and the store, when nobody says otherwise.
#ifndef SLUICE_TOOLS_DEFAULT_PATHS_H_
#define SLUICE_TOOLS_DEFAULT_PATHS_H_

namespace sluice {

// --control_socket of sluiced and of sluicectl, relative to the working directory.
inline constexpr char kDefaultControlSocket[] = "var/sluice.sock";
// Takes the place of sluicectl's default.
inline constexpr char kControlSocketVariable[] = "SLUICE_CONTROL_SOCKET";
// --admin_tokens of sluiced, likewise.
inline constexpr char kDefaultTokensFile[] = "var/admin_tokens";
// --data_dir of sluiced and of sluicectl, likewise.
inline constexpr char kDefaultDataDir[] = "var/data";

}  // namespace sluice

#endif  // SLUICE_TOOLS_DEFAULT_PATHS_H_
