#pragma once  // included by torch, which uses nothing of it in its headers
