// What a service manager that speaks sd_notify(3) is told; nothing when there is none
// ($NOTIFY_SOCKET).
#pragma once

namespace flagmesh {

// This process serves, and is the main one of its unit from now on (a successor's parent was it
// before).
void notify_ready();
void notify_stopping();

}  // namespace flagmesh
